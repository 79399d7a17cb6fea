"""Functions of Keras that are not carried, each with its reason."""

from __future__ import annotations

from converters.keras.operation import cannot

cannot(
    "AssociativeScan", "Cond", "ForiLoop", "Map", "Scan", "Switch", "VectorizedMap",
    "WhileLoop", "Function", "JVP",
    because="it is given Python functions, which a file does not hold",
    hint="write the model without it, or as a layer of your own with --custom FILE.py",
)  # fmt: skip
cannot(
    "Bincount", "Histogram", "Nonzero", "Unique",
    because="how many numbers it gives depends on the numbers it gets, so that its size is not known",
)  # fmt: skip
cannot(
    "Eig", "Eigh", "Qr", "SVD", "LuFactor", "Lstsq",
    because="its result is not unique: signs, order and pivots differ between frameworks",
)  # fmt: skip
cannot(
    "FFT", "FFT2", "IFFT2", "IRFFT", "ISTFT", "RFFT", "STFT", "ViewAsComplex", "ViewAsReal", "Polar",
    because="complex numbers and Fourier transforms are not carried yet",
)  # fmt: skip
cannot(
    "CTCDecode", "CTCLoss", "SparseCategoricalCrossentropy", "SSIM",
    because="losses and decoders of this kind are not carried; convert the model up to its logits",
)  # fmt: skip
cannot(
    "AffineTransform", "ElasticTransform", "GaussianBlur", "HSVToRGB", "MapCoordinates",
    "PerspectiveTransform", "RGBToHSV", "ScaleAndTranslate", "SobelEdges",
    because="this change of images is not carried yet", hint="do it before the model",
)  # fmt: skip
cannot(
    "Arange", "Full", "Geomspace", "Linspace", "Logspace",
    because="its ends are computed by the model, so that its size or its numbers are not known",
)  # fmt: skip
cannot(
    "Nanmedian", "Nanpercentile", "Nanquantile", "Argpartition", "CholeskyInverse", "Corrcoef", "Correlate",
    "Fold", "MatrixRank", "SegmentReduction", "Unfold",
    because="this function is not carried yet", hint="map it with --custom FILE.py",
)  # fmt: skip
cannot("Nextafter", "View", because="it works on the bits of a number, which differ between precisions")
cannot("Ndim", "Size", because="a size that only a running model knows is not carried as a number")
cannot("FakeQuantWithMinMaxVars", because="training with simulated quantisation is not carried")
