"""Every error this project raises, in one tree.

    AimdtError
    ├── InputError            what came in cannot be used
    │   ├── ImageError        a series, its geometry or its voxels
    │   │   ├── GeometryError
    │   │   └── SuvError      a PET that cannot be turned into SUV
    │   ├── ContourError
    │   ├── RecordError       a FHIR record
    │   ├── FactError         a TNM fact: unknown key, unknown value, impossible number
    │   ├── ScopeError        a case this software does not stage
    │   └── IdentityError     images and record belong to different patients
    ├── TableError            a staging table is wrong
    ├── ModelError
    ├── ReportError
    ├── StoreError            records, files, database
    ├── StepError             a step failed for a reason that is not ours; type and place, no foreign text
    └── DeliveryError         EHR or PACS did not take a result

A message says what was found, what was expected, where, and what to do. It carries case ids, UIDs and
paths below the given folder, never a name, birth date, MRN or accession number.
"""


class AimdtError(Exception):
    """Base of all errors that this project raises on purpose."""


class InputError(AimdtError):
    """What came in cannot be used as it is."""


class ImageError(InputError):
    """An image series is missing, broken or of the wrong kind."""


class GeometryError(ImageError):
    """Slices or axes do not make a volume."""


class SuvError(ImageError):
    """A PET series cannot be converted to SUV without assuming something."""


class ContourError(InputError):
    """A drawn contour does not fit the images or cannot be named."""


class RecordError(InputError):
    """A FHIR record cannot be read."""


class FactError(InputError):
    """A staging fact has an unknown key or value."""


class ScopeError(InputError):
    """The case lies outside what this software stages."""


class IdentityError(InputError):
    """Images and record belong to different patients."""


class TableError(AimdtError):
    """A staging table contradicts itself, has gaps or cannot be read."""


class ModelError(AimdtError):
    """A model is missing, altered, or failed while running."""


class ReportError(AimdtError):
    """A report could not be rendered."""


class StoreError(AimdtError):
    """Records or files could not be stored or found."""


class StepError(AimdtError):
    """A step failed for a reason that this project did not foresee."""


class DeliveryError(AimdtError):
    """A result could not be delivered."""
