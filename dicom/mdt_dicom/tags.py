"""The tags that intake keeps of every file; everything else is skipped while reading.

A header of today has 100 to 300 elements, private ones included. Keeping a quarter of them saves memory on folders
of thousands of files. A new use of a tag (the SUV rules included) has to be entered here.
"""

from __future__ import annotations

IDENTITY = (
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
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
    "ProtocolName",
    "StudyDate",
    "StudyTime",
    "SeriesDate",
    "SeriesTime",
    "AcquisitionDate",
    "AcquisitionTime",
    "AcquisitionDateTime",
    "ContentDate",
    "ContentTime",
    "TimezoneOffsetFromUTC",
    "Manufacturer",
    "ManufacturerModelName",
    "SoftwareVersions",
    "SliceThickness",
    "KVP",
    "ConvolutionKernel",
    "ContrastBolusAgent",
    "ContrastBolusAgentSequence",
    "PatientPosition",
    "BurnedInAnnotation",
    "LossyImageCompression",
    "PatientWeight",
    "PatientSize",
    "PatientAge",
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
PET = (
    "ActualFrameDuration",
    "CorrectedImage",
    "Units",
    "CountsSource",
    "SUVType",
    "SeriesType",
    "DecayCorrection",
    "DecayCorrected",
    "DecayCorrectionDateTime",
    "DecayFactor",
    "DoseCalibrationFactor",
    "AttenuationCorrected",
    "AttenuationCorrectionMethod",
    "ScatterCorrectionMethod",
    "RandomsCorrectionMethod",
    "ReconstructionMethod",
    "NumberOfSlices",
    "NumberOfTimeSlices",
    "ImageIndex",
    "RadiopharmaceuticalInformationSequence",
    "RadionuclideHalfLife",
    "RadionuclideTotalDose",
    "RadiopharmaceuticalStartTime",
    "RadiopharmaceuticalStartDateTime",
    "LongitudinalTemporalInformationModified",
    0x70530010,  # Philips PET private group: creator, SUV scale factor, activity concentration scale factor
    0x70531000,
    0x70531009,
    0x00090010,  # GE PET private group: creator, scan and administered date and time
    0x0009100D,
    0x0009103B,
    0x00711010,
    0x00710010,
    0x00711022,  # Siemens: start of the acquisition for decay correction
)
MULTIFRAME = (
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "ContributingEquipmentSequence",
)
KEPT: list[str | int] = [*IDENTITY, *SERIES, *STACKS, *GEOMETRY, *VALUES, *PET, *MULTIFRAME]
