"""Opening the user's data: sources, cleaning, filters, privacy."""

from opskit.dataset.dataset import Dataset
from opskit.dataset.opening import named_datasets, open_dataset
from opskit.dataset.propose import propose, write_proposal

__all__ = ["Dataset", "named_datasets", "open_dataset", "propose", "write_proposal"]
