"""Means and deviations by which images are customarily brought to a scale, red first."""

from __future__ import annotations

import numpy as np

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
"""Of ImageNet's images, scaled to 0..1 (torchvision)."""

CAFFE = np.array([123.68, 116.779, 103.939])
"""ImageNet's mean in numbers from 0 to 255 (Caffe)."""
