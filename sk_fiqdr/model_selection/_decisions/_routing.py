"""What is passed to `fit` of the estimators inside, and to the splitter."""

from sklearn import get_config
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.validation import has_fit_parameter

from .._splits._patient_kfold import PatientStratifiedKFold


def router_of(owner, estimators, cv):
    """Return how metadata are routed.

    Parameters
    ----------
    owner : object
        The meta-estimator, or name of the function.
    estimators : dict of str to estimator
        Those inside, by name.
    cv : object
        A splitter requests what it declares; anything else stands for a split by
        patient.

    Returns
    -------
    router : MetadataRouter
        `groups` go to the splitter, and what the estimators request to their `fit`.
    """
    mapping = MethodMapping().add(caller="fit", callee="fit")
    router = MetadataRouter(owner=owner)
    for name, estimator in estimators.items():
        router.add(**{name: estimator}, method_mapping=mapping)
    splitter = cv if hasattr(cv, "split") else PatientStratifiedKFold()
    mapping = MethodMapping().add(caller="fit", callee="split")
    return router.add(splitter=splitter, method_mapping=mapping)


def route(owner, estimators, groups, params):
    """Return the parameters for `fit` of each estimator, and the split's groups.

    Parameters
    ----------
    owner : object
        What `router_of` returned, or the meta-estimator that returns that.
    estimators : dict of str to estimator
        Those inside, by name.
    groups : array-like of shape (n,) or None
        Patient of each row.
    params : dict
        What the user passed for `fit`.

    Returns
    -------
    params : tuple of dict
        For each estimator.
    groups : array-like of shape (n,) or None
        For the splitter.
    """
    given = {} if groups is None else {"groups": groups}
    if get_config()["enable_metadata_routing"]:
        routed = process_routing(owner, "fit", **params, **given)
        own = tuple(routed[name].fit for name in estimators)
        return own, routed.splitter.split.get("groups")
    return tuple(
        {**params, **(given if has_fit_parameter(estimator, "groups") else {})}
        for estimator in estimators.values()
    ), groups
