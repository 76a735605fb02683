"""Splits that keep the eyes of a patient together, and decisions tuned on them.

Both eyes of a patient mostly have the same grade, so that a split that separates them
gives scores that are too high. Everything here works with any X and any estimator and
does not depend on nets. The meta-estimators tune cut-points, the threshold of a gate
and temperatures on patients that the estimator inside them has not seen. A search can
be resumed after its process was killed.
"""

from ..exceptions import PatientLeakageError
from ._decisions._calibrated_tasks import CalibratedTasksCV
from ._decisions._conformal_grades import ConformalGradesCV
from ._decisions._cross_val_predict_tasks import cross_val_predict_tasks
from ._decisions._fellow_eye_classifier import FellowEyeClassifier
from ._decisions._fellow_eyes import fuse_fellow_eyes
from ._decisions._quality_gate import QualityGate
from ._decisions._tuned_grade_thresholds import TunedGradeThresholdsCV
from ._patient_ids import check_patients_apart, patient_ids
from ._search._search_checkpoint import SearchCheckpoint
from ._splits._leave_one_site_out import LeaveOneSiteOut
from ._splits._patient_kfold import PatientStratifiedKFold
from ._splits._patient_train_test_split import patient_train_test_split
from ._splits._patient_valid_split import PatientValidSplit

__all__ = [
    "CalibratedTasksCV",
    "ConformalGradesCV",
    "FellowEyeClassifier",
    "LeaveOneSiteOut",
    "PatientLeakageError",
    "PatientStratifiedKFold",
    "PatientValidSplit",
    "QualityGate",
    "SearchCheckpoint",
    "TunedGradeThresholdsCV",
    "check_patients_apart",
    "cross_val_predict_tasks",
    "fuse_fellow_eyes",
    "patient_ids",
    "patient_train_test_split",
]
