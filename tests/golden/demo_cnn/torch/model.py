"""Model in PyTorch; `load()` returns it with its weights, ready for inference."""

from pathlib import Path

import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class Model(nn.Module):
    """The converted model.

    Inputs:
        input 0: float32 (batch, 1, 28, 28), axes `n c h w`, `n h w c` in the source
    Outputs:
        output 0: float32 (batch, 4), axes `n c`
    """

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, kernel_size=3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(8, eps=0.001, momentum=0.1)
        self.features = nn.Conv2d(8, 16, kernel_size=3, stride=2)
        self.features_norm = nn.BatchNorm2d(16, eps=0.001, momentum=0.1)
        self.dropout = nn.Dropout(0.3)
        self.hidden = nn.Linear(144, 32)
        self.shape = nn.Linear(32, 4)

    def forward(self, x):
        x = self.stem(x)
        x = F.max_pool2d(F.relu(self.stem_norm(x)), kernel_size=2)
        x = F.relu(self.features(F.pad(x, (0, 1, 0, 1))))
        x = F.avg_pool2d(self.features_norm(x), kernel_size=2).flatten(1)
        x = self.dropout(x)
        x = F.relu(self.hidden(x))
        return F.softmax(self.shape(x), dim=-1)


def load(path=None):
    """The model with its weights (by default those beside this file), in inference mode."""
    path = Path(__file__).with_name("model.safetensors") if path is None else path
    model = Model()
    model.load_state_dict(load_file(path), assign=True)
    return model.eval()
