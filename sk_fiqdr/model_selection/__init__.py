"""Splits that keep a patient's eyes together, and what is chosen with their help.

Both eyes of a patient mostly have the same grade, so a split that parts them measures
memory. Everything here works on any X and any estimator: nothing knows a net. The
meta-estimators choose cut-points, the threshold of a gate and temperatures on patients
that the estimator inside them has not seen; a search may outlive its process.
"""

from ..exceptions import PatientLeakageError
from ._decisions._calibrated_tasks import CalibratedTasksCV
from ._decisions._fellow_eye_classifier import FellowEyeClassifier
from ._decisions._fellow_eyes import fuse_fellow_eyes
from ._decisions._quality_gate import QualityGate
from ._decisions._tuned_grade_thresholds import TunedGradeThresholdsCV
from ._patients import check_patients_apart, patient_ids
from ._search._search_checkpoint import SearchCheckpoint
from ._splits._patient_kfold import PatientStratifiedKFold
from ._splits._patient_train_test_split import patient_train_test_split
from ._splits._patient_valid_split import PatientValidSplit

__all__ = [
    "CalibratedTasksCV",
    "FellowEyeClassifier",
    "PatientLeakageError",
    "PatientStratifiedKFold",
    "PatientValidSplit",
    "QualityGate",
    "SearchCheckpoint",
    "TunedGradeThresholdsCV",
    "check_patients_apart",
    "fuse_fellow_eyes",
    "patient_ids",
    "patient_train_test_split",
]
