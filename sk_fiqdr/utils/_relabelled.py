"""Labels that scikit-learn's cross_val_predict has numbered anew."""

from traceback import walk_stack

CALLER = "sklearn.model_selection._validation", "_fit_and_predict"
OF_CLASSES = ("predict_proba", "predict_log_proba", "decision_function")


def refuse_relabelled(estimator):
    """Raise if `fit` is called on columns that cross_val_predict has numbered anew.

    For probabilities it encodes each column of y by a LabelEncoder: -1 becomes 0, and
    behind an absent grade all others move down by one. The labels look right, so only
    the caller shows it. At the end it fails on classes that are not those of a column.

    Parameters
    ----------
    estimator : estimator
        The one that is fitted, of both tasks.

    Raises
    ------
    TypeError
        It names the function for both tasks.
    """
    for frame, _ in walk_stack(None):
        caller = frame.f_globals.get("__name__"), frame.f_code.co_name
        if caller == CALLER and frame.f_locals.get("method") in OF_CLASSES:
            if getattr(frame.f_locals.get("y"), "ndim", 1) == 1:
                continue
            raise TypeError(
                f"cross_val_predict(method={frame.f_locals['method']!r}) relabels each "
                f"column of y as 0, 1, ..., and {type(estimator).__name__} would learn "
                "unknown labels (-1) as a class. Use sk_fiqdr.model_selection."
                "cross_val_predict_tasks(estimator, X, y, groups, cv=5), which returns "
                "the probabilities of both tasks."
            )
