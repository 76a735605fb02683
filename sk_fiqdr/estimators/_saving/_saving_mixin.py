"""How a fitted net is saved, loaded, and exported to other runtimes."""

from . import _export, _save_and_load


class SavingMixin:
    """Methods that save, load and export a fitted net."""

    def save_pretrained(self, folder, *, overwrite=False, scores=None):
        """Save the fitted net as safetensors and JSON, with a model card.

        Parameters
        ----------
        folder : str or Path
            Where to; it appears whole or not at all. How many images, patients and
            labels it was trained on goes with it, and a hash by which to know them
            again; names of images, which are names of patients, do not.
        overwrite : bool, default=False
            Replace the model that is there.
        scores : dict of str to float, default=None
            Scores to tell in the card, such as those that
            :func:`~sk_fiqdr.metrics.fiqdr_scoring` returns; by default those that the
            net was loaded with.

        Raises
        ------
        FileExistsError
            If the folder exists and `overwrite` is not set, or if it holds anything
            else than a saved model.
        TypeError
            If `scores` is not a dict of numbers.
        ValueError
            If a weight is nan.
        """
        _save_and_load.save(self, folder, overwrite=overwrite, scores=scores)

    @classmethod
    def from_pretrained(cls, folder, **parameters):
        """Load what `save_pretrained` wrote; no code of the folder is run.

        Parameters
        ----------
        folder : str or Path
            Where from.
        **parameters : dict
            Parameters to set differently. A Module or a factory as `backbone` has to be
            given again; `optimizer`, `callbacks` and the like, on which predictions do
            not depend, may be, if the net is to be trained on.

        Returns
        -------
        net : FundusNet
            The fitted net, which predicts bit for bit what it did; what was trained on
            a GPU loads on a CPU. It has `training_data_` and `scores_`.

        Raises
        ------
        FileNotFoundError, ValueError
            If the folder holds no such model, or anything in it is not what
            `save_pretrained` writes; the message says what.
        """
        return _save_and_load.load(cls, folder, **parameters)

    def export(self, path, *, format=None, X=None, tolerance=1e-4, overwrite=False):
        """Write the fitted network for another runtime, checked before it is kept.

        It takes plain pixels, uint8 of shape (n, image_size, image_size, 3), in batches
        of any size, or float32 features (n, d) with ``backbone=None``, and computes in
        float32. It returns ``grade_probabilities`` (n, n_grades) and
        ``quality_probabilities`` (n, 2), or the one that the estimator knows of. How
        images are to be prepared, the classes and the versions go with it.

        Parameters
        ----------
        path : str or Path
            The file; it appears whole or not at all.
        format : {"onnx", "torch"}, default=None
            ONNX (extra ``onnx``), or a program of ``torch.export``. None goes by the
            suffix, ``.onnx`` or ``.pt2``.
        X : array-like, default=None
            Rows, as for `predict`, on which what was written is compared with the net;
            by default painted photographs.
        tolerance : float, default=1e-4
            Largest difference of a probability, in float32, that is accepted.
        overwrite : bool, default=False
            Replace a file that is there.

        Returns
        -------
        difference : float
            Largest difference of a probability that was found; nan, with a warning,
            where there is no onnxruntime to find it.

        Raises
        ------
        FileExistsError
            If the file exists and `overwrite` is not set.
        ImportError
            If `format` is "onnx" and onnx or onnxscript is not installed.
        ValueError
            If the format is unknown, the network cannot be exported, or what was
            written answers differently.
        """
        return _export.export(
            self,
            path,
            format=format,
            X=X,
            tolerance=tolerance,
            overwrite=overwrite,
        )
