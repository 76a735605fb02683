"""Splits that keep a patient's eyes together, and what is chosen with their help.

Both eyes of a patient mostly have the same grade, so a split that parts them measures
memory. Everything here works on any X and any estimator: nothing knows a net. The
meta-estimators choose cut-points, the threshold of a gate and temperatures on patients
that the estimator inside them has not seen; a search may outlive its process.
"""

from ._calibrated import CalibratedTasksCV
from ._grade_thresholds import TunedGradeThresholdsCV
from ._patients import PatientLeakageError, check_patients_apart, patient_ids
from ._quality_gate import QualityGate
from ._search_checkpoint import SearchCheckpoint
from ._split import PatientStratifiedKFold
from ._train_test import patient_train_test_split
from ._valid_split import PatientValidSplit

__all__ = [
    "CalibratedTasksCV",
    "PatientLeakageError",
    "PatientStratifiedKFold",
    "PatientValidSplit",
    "QualityGate",
    "SearchCheckpoint",
    "TunedGradeThresholdsCV",
    "check_patients_apart",
    "patient_ids",
    "patient_train_test_split",
]
