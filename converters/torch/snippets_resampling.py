"""Resampling as TensorFlow does it, for generated code. Never imported by porter: the text is copied."""

import torch


def resize_weights(cells, size, kernel, antialias, half_pixel):
    """How much each of `size` output cells takes of each input cell: a matrix `(size, cells)`."""
    scale = cells / size
    steps, cell = torch.arange(size, dtype=torch.float64), torch.arange(cells, dtype=torch.float64)
    if kernel == "area":
        start = (steps * scale)[:, None]
        shared = torch.minimum(cell + 1, start + scale) - torch.maximum(cell, start)
        return shared.clamp(min=0) / scale
    place = (steps + 0.5) * scale - 0.5 if half_pixel else steps * scale
    if kernel == "cubic" and not antialias:  # TensorFlow keeps this kernel in a table of 1024 steps
        place = place.floor() + ((place - place.floor()) * 1024).round() / 1024
    t = ((cell - place[:, None]) / (max(scale, 1.0) if antialias else 1.0)).abs()
    if kernel == "linear":
        weights = (1 - t).clamp(min=0)
    elif kernel == "cubic":
        far = torch.where(t < 2, ((-0.5 * t + 2.5) * t - 4) * t + 2, 0.0)
        weights = torch.where(t <= 1, (1.5 * t - 2.5) * t * t + 1, far)
    else:
        radius = {"lanczos3": 3, "lanczos5": 5}[kernel]
        weights = torch.where(t < radius, torch.sinc(t) * torch.sinc(t / radius), 0.0)
    return weights / weights.sum(1, keepdim=True)


def resize(x, size, kernel, antialias=False, half_pixel=True):
    """Resample the spatial axes to `size`; what a kernel would see beyond the ends is left out."""
    for axis, cells in enumerate(size, 2):
        weights = resize_weights(x.shape[axis], cells, kernel, antialias, half_pixel).to(x)
        x = torch.movedim(torch.movedim(x, axis, -1) @ weights.T, -1, axis)
    return x


def resize_nearest(x, size):
    """Take the cell in which the middle of each output cell lies."""
    for axis, cells in enumerate(size, 2):
        scale = torch.tensor(x.shape[axis] / cells, dtype=torch.float32)
        places = (torch.arange(cells, dtype=torch.float32) + 0.5) * scale
        chosen = places.floor().long().clamp(max=x.shape[axis] - 1)
        x = x.index_select(axis, chosen.to(x.device))
    return x
