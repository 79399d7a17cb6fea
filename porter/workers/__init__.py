"""Running models, each framework in a process of its own.

Thread pools, memory and global settings of two frameworks do not mix, so a framework is never imported where
porter runs. `start` writes a job and its inputs to a folder and starts `python -m porter.workers` on it; the
child imports the framework's runner (`converters/<framework>/run.py`), which opens the model and runs it.
A worker that dies, hangs or lacks its framework is an error with its last words. A live model is in this
process already, and runs in it (`Here`).
"""

from porter.workers.here import Here
from porter.workers.job import Job, Layer, Learned, Ran
from porter.workers.process import NotAvailable, Worker, start

__all__ = ["Here", "Job", "Layer", "Learned", "NotAvailable", "Ran", "Worker", "start"]
