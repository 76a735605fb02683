"""The checkpoint of the main process, in a process that writes nothing."""

from ..estimators._checkpoints._checkpoint import Checkpoint


class Follower(Checkpoint):
    """What the main process found on the disk, for a process that writes nothing."""

    def __init__(self, folder, key, content, dataset):
        self._content_of_main = content
        super().__init__(folder, key, dataset)

    def _read(self):
        return self._content_of_main

    def save(self, net, *, finished=False):
        """Write nothing."""
        self.n_epochs = len(net.history) - self.start
