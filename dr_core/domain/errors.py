"""Everything that can go wrong with a photograph, a model or a disk, each with its remedy.

    DRError
    ├── PhotographError              this photograph cannot be graded; the next one can
    │   ├── UnreadablePhotograph     damaged, empty, or not an image format that is accepted
    │   ├── PhotographTooLarge       over the limits on bytes or pixels
    │   └── NotAFundusPhotograph     an image, but no retina in it
    ├── ModelError                   nothing can be graded until this is mended
    │   ├── ModelNotFound            a file of the released model is missing
    │   └── ModelAltered             the files do not match the released checksums or class order
    ├── ConfigurationError           a setting, a folder or an argument is wrong
    └── StorageError                 a disk refused to read or to write

A programmer's mistake is a TypeError or a ValueError instead.
"""

__all__ = [
    "ConfigurationError",
    "DRError",
    "ModelAltered",
    "ModelError",
    "ModelNotFound",
    "NotAFundusPhotograph",
    "PhotographError",
    "PhotographTooLarge",
    "StorageError",
    "UnreadablePhotograph",
]


class DRError(Exception):
    """Base of every error that a user can meet; ``str()`` of it is a sentence and a remedy."""


class PhotographError(DRError):
    """One photograph cannot be graded; others are not affected."""


class UnreadablePhotograph(PhotographError):
    """The bytes are empty, damaged or in a format that is not accepted."""


class PhotographTooLarge(PhotographError):
    """The photograph exceeds the limit on bytes or on pixels after decompression."""


class NotAFundusPhotograph(PhotographError):
    """The picture decodes, but shows no field of view of a fundus camera."""


class ModelError(DRError):
    """The model cannot be used, so nothing is graded."""


class ModelNotFound(ModelError):
    """A file of the released model is missing."""


class ModelAltered(ModelError):
    """A model file differs from its recorded SHA-256, or its class order is not ICDR 0-4."""


class ConfigurationError(DRError):
    """A setting, a folder or a command-line argument is wrong."""


class StorageError(DRError):
    """A file or a folder could not be read or written."""
