"""What all transformers of images share: there is nothing to learn."""

from sklearn.base import BaseEstimator, TransformerMixin


class StatelessTransformer(TransformerMixin, BaseEstimator):
    """A transformer that may be used without `fit`."""

    def fit(self, X, y=None):
        """Check the parameters; there is nothing to learn.

        Parameters
        ----------
        X : array-like
            Not used.
        y : array-like, default=None
            Not used.

        Returns
        -------
        self : object
            The same.
        """
        self._validate_params()
        return self

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True
        tags.input_tags.two_d_array = False
        return tags
