"""Grades of both eyes of a patient, beside those of each eye alone."""

from ._model import DAMAGED, GRADED, numbers_of

FLATTERS = (
    "In most data sets the graders saw both eyes of a patient, which flatters scores "
    "of both eyes: report those of single eyes, too."
)


def check_grades(net):
    """Raise if a net does not grade.

    Parameters
    ----------
    net : FundusNet
        The net.

    Raises
    ------
    ValueError
        If it predicts quality alone.
    """
    if net._tasks[0].name != "grade":
        raise ValueError(
            f"--both-eyes asks for grades, which a {type(net).__name__} does not "
            "predict."
        )


def add_both_eyes(frame, net, groups=None):
    """Add the grades fused over both eyes to a table of predictions.

    Parameters
    ----------
    frame : DataFrame
        All that `predictions` yields.
    net : FundusNet
        Which made them; its cut-points decide, if it has some.
    groups : array-like of shape (n,), default=None
        Patient of each row; read from the paths by default.

    Returns
    -------
    frame : DataFrame
        With grade_both_eyes and p_both_eyes_0 to p_both_eyes_4 in front of status.
    n_fellows : int
        How many photographs have a fellow eye that was graded.

    Raises
    ------
    ValueError
        If a patient has more than two eyes.
    """
    import numpy as np
    import pandas as pd

    from ..model_selection import fuse_fellow_eyes
    from ..model_selection._decisions._fellow_eye_classifier import eyes_of
    from ..utils._labels import most_probable

    classes = np.array(numbers_of(net, net._tasks[0]))
    proba = frame[[f"p_grade_{grade}" for grade in classes]].to_numpy(float)
    quality = None
    if "p_good" in frame:
        good = frame["p_good"].to_numpy(float)
        quality = np.column_stack([1 - good, good])
    patients, eyes = eyes_of(frame["path"].tolist(), groups, None)
    fused = fuse_fellow_eyes(proba, patients, eyes=eyes, quality_proba=quality)
    tuned = hasattr(net, "grade_cut_points_")
    grade = pd.array(
        net._decide_grade(fused) if tuned else most_probable(fused, classes),
        dtype="Int64",
    )
    graded = frame["status"].isin([GRADED, DAMAGED]).to_numpy()
    grade[~graded] = pd.NA
    columns = {"grade_both_eyes": grade} | {
        f"p_both_eyes_{classes[at]}": fused[:, at].round(6) for at in classes.argsort()
    }
    place = frame.columns.get_loc("status")
    added = pd.DataFrame(columns, index=frame.index)
    frame = pd.concat([frame.iloc[:, :place], added, frame.iloc[:, place:]], axis=1)
    seen = pd.DataFrame({"patient": patients, "eye": eyes})[graded].drop_duplicates()
    both = set(seen["patient"][seen["patient"].duplicated()])
    return frame, sum(patient in both for patient in patients[graded])
