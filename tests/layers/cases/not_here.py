"""The classes of keras.layers that the tables leave out, each with its reason."""

from __future__ import annotations

_BASE = "a base class or a helper, not a layer of its own"
_PREPROCESSING = "preprocessing layers are a later piece of work"
_AUGMENTATION = "augmentation acts while training; a later piece of work with the preprocessing layers"
_TEXT = "works on strings or hashes; a later piece of work with the preprocessing layers"
_FOREIGN = "wraps code of another framework, which no saved file holds"

_GROUPS: dict[str, tuple[str, ...]] = {
    _BASE: ("InputLayer", "InputSpec", "Layer", "Wrapper", "Pipeline"),
    "holds Python code that is never executed": ("Lambda",),
    _FOREIGN: ("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"),
    _TEXT: ("HashedCrossing", "Hashing", "StringLookup", "TextVectorization"),
    _PREPROCESSING: (
        "AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Equalization",
        "MaxNumBoundingBoxes", "MelSpectrogram", "STFTSpectrogram", "Solarization",
    ),
    _AUGMENTATION: (
        "AugMix", "CutMix", "MixUp", "RandAugment", "RandomColorDegeneration",
        "RandomColorJitter", "RandomCrop", "RandomElasticTransform", "RandomErasing",
        "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective",
        "RandomPosterization", "RandomSaturation", "RandomSharpness", "RandomShear",
    ),
}  # fmt: skip

NOT_HERE: dict[str, str] = {name: why for why, names in _GROUPS.items() for name in names}
