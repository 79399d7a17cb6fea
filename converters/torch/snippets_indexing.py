"""Functions of `keras.ops` about places that torch has no twin of: text that is copied into `model.py`."""

from __future__ import annotations

import torch


def top_k(x, k):
    """The k largest values of the last axis in falling order, and their places; of equals the first."""
    places = x.argsort(dim=-1, descending=True, stable=True)[..., :k]
    return x.gather(-1, places), places.int()


def gather_nd(x, places, batch):
    """`x[places]` with a vector of indices per place; the first `batch` axes are shared."""
    shape = [1] * (places.dim() - 1)
    rows = []
    for axis in range(batch):
        shape[axis] = -1
        rows.append(torch.arange(x.shape[axis], device=x.device).reshape(shape))
        shape[axis] = 1
    return x[(*rows, *places.unbind(-1))]


def scatter_nd(x, places, updates, reduce):
    """`x` with the cells that index vectors name combined with updates: "amax", "amin" or "prod"."""
    depth = places.shape[-1]
    row = torch.zeros_like(places[..., 0])
    for axis in range(depth):
        row = row * x.shape[axis] + places[..., axis]
    flat, updates = x.reshape(-1, x[(0,) * depth].numel()), updates.reshape(row.numel(), -1)
    row = row.long().reshape(-1, 1).expand_as(updates)
    return flat.scatter_reduce(0, row, updates, reduce).reshape(x.shape)


def index_pad(x, pads, mode):
    """Cells added before and after each axis: by mode "reflect", "symmetric", "edge" or "wrap"."""
    for axis, (before, after) in enumerate(pads):
        size = x.shape[axis]
        cells = torch.arange(-before, size + after, device=x.device)
        if mode == "edge":
            cells = cells.clamp(0, size - 1)
        elif mode == "wrap":
            cells = cells % size
        else:
            last = size - 1 if mode == "reflect" else size
            cells = cells % max(2 * last, 1)
            cells = torch.where(cells < size, cells, 2 * size - (1 if mode == "symmetric" else 2) - cells)
        x = x.index_select(axis, cells)
    return x
