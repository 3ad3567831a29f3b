"""The tags that intake keeps of every file; everything else is skipped while reading.

A header of today has 100 to 300 elements, private ones included. Keeping a quarter of them saves memory on folders
of thousands of files. A new use of a tag has to be entered here, or in `suv.SUV_KEYWORDS`.
"""

from __future__ import annotations

from pydicom.tag import BaseTag, Tag

from mdt_dicom.suv import SUV_KEYWORDS, SUV_PRIVATE_TAGS

IDENTITY = (
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "PatientSize",
    "AccessionNumber",
    "SpecificCharacterSet",
)
SERIES = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "Modality",
    "ImageType",
    "SeriesDescription",
    "SeriesNumber",
    "StudyDate",
    "SeriesDate",
    "AcquisitionDate",
    "AcquisitionDateTime",
    "Manufacturer",
    "ManufacturerModelName",
    "SliceThickness",
    "KVP",
    "ConvolutionKernel",
    "ContrastBolusAgent",
    "ContrastBolusAgentSequence",
    "BurnedInAnnotation",
    "LossyImageCompression",
)
# What can tell two stacks of one series apart.
STACKS = (
    "InstanceNumber",
    "AcquisitionNumber",
    "EchoNumbers",
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "NominalPercentageOfCardiacPhase",
    "TriggerTime",
    "FrameReferenceTime",
    "StackID",
)
GEOMETRY = (
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "GantryDetectorTilt",
    "Rows",
    "Columns",
    "NumberOfFrames",
)
VALUES = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
)
# Which PET to take; what the SUV needs is listed beside its rules.
PET = (
    "SeriesType",
    "NumberOfSlices",
    "CorrectedImage",
    "AttenuationCorrected",
    "AttenuationCorrectionMethod",
    "Units",
    "DecayCorrected",
    "DecayCorrectionDateTime",
)
MULTIFRAME = (
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
_KEYWORDS = (*IDENTITY, *SERIES, *STACKS, *GEOMETRY, *VALUES, *PET, *MULTIFRAME, *SUV_KEYWORDS)
KEPT: list[BaseTag | int] = [Tag(tag) for tag in (*_KEYWORDS, *SUV_PRIVATE_TAGS)]
