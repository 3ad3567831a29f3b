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
    │   ├── IdentityError     images and record belong to different patients
    │   ├── ReviewError       an edit or a change of state that is not allowed
    │   └── AccessError       who asks may not: unknown, wrong password, locked, or without the role
    ├── TableError            a staging table is wrong
    ├── ModelError
    │   └── ModelMemoryError  too little memory for a model, or the system killed its process
    ├── ReportError
    ├── StoreError            records, files, database
    │   └── StaleError        somebody else changed the case meanwhile
    ├── StepError             a step failed for a reason that is not ours; type and place, no foreign text
    └── DeliveryError         EHR or PACS did not take a result
        ├── DeliveryRefusedError  for good: a person has to look
        └── DeliveryDelayedError  for now: worth another try

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


class ReviewError(InputError):
    """An edit, or a change of a case's state, is not allowed or makes no sense."""


class AccessError(InputError):
    """Whoever asks may not do this: unknown, wrong password, locked out, or without the role."""


class TableError(AimdtError):
    """A staging table contradicts itself, has gaps or cannot be read."""


class ModelError(AimdtError):
    """A model is missing, altered, or failed while running."""


class ModelMemoryError(ModelError):
    """There was too little memory for a model, or its process was killed, as systems do where memory runs out."""


class ReportError(AimdtError):
    """A report could not be rendered."""


class StoreError(AimdtError):
    """Records or files could not be stored or found."""


class StaleError(StoreError):
    """Somebody else changed the case since it was looked at."""


class StepError(AimdtError):
    """A step failed for a reason that this project did not foresee."""


class DeliveryError(AimdtError):
    """A result could not be delivered."""


class DeliveryRefusedError(DeliveryError):
    """The other side refuses this result as it is; sending it again would not help."""


class DeliveryDelayedError(DeliveryError):
    """The other side did not take the result now.

    `after_s` is how many seconds it asked to wait; `uncertain` is True when the result may have arrived all the same.
    """

    def __init__(self, message: str, *, after_s: float | None = None, uncertain: bool = False) -> None:
        super().__init__(message)
        self.after_s = after_s
        self.uncertain = uncertain
