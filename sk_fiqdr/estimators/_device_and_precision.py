"""Device, precision and random generator of a net."""

import os
import threading
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.utils import check_random_state
from skorch import NeuralNet

# Dropout and initialisation draw from torch's global generator and take no other.
_turns = threading.RLock()


def taking_turns():
    """Return a lock: threads that draw take turns, and so draw what they would alone.

    Returns
    -------
    lock : RLock
        The one of this process.
    """
    return _turns


def _forget_other_threads():
    global _turns
    _turns = threading.RLock()


if hasattr(os, "register_at_fork"):  # no thread is left in a child to release it
    os.register_at_fork(after_in_child=_forget_other_threads)


class DeviceNet(NeuralNet):
    """A skorch net of `device="auto"`, `amp` and `random_state`."""

    @property
    def device(self):
        """Device of the net; "auto" is resolved at each access."""
        if isinstance(self._device, str) and self._device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        return self._device

    @device.setter
    def device(self, device):
        self._device = device

    @property
    def _device_type(self):
        """Type of the device; skorch's None leaves the network where it was built."""
        return "cpu" if self.device is None else torch.device(self.device).type

    def _check_device_is_here(self):
        try:
            device_type = self._device_type
        except RuntimeError as error:
            raise ValueError(
                "device must be 'auto', 'cpu', 'cuda', 'cuda:1' or the like, got "
                f"{self.device!r}."
            ) from error
        if device_type == "cuda" and not torch.cuda.is_available():
            raise ValueError(
                f"device={self.device!r}, but torch {torch.__version__} finds no GPU. "
                "Set device='auto' to use the CPU, or install a CUDA build of torch "
                "that matches the driver."
            )

    def _autocast(self):
        enabled = self._uses_bfloat16()
        return torch.autocast(self._device_type, torch.bfloat16, enabled=enabled)

    def _uses_bfloat16(self):
        if self.amp != "auto":
            return self.amp
        if self.backbone is None:
            return False
        if self._device_type == "cuda":
            return torch.cuda.is_bf16_supported()
        # Without the instructions bfloat16 is emulated, and many times slower.
        if not getattr(torch.cpu, "_is_avx512_bf16_supported", bool)():
            return False
        module = getattr(self, "module_", None)
        return module is None or not any(map(_is_depthwise, module.modules()))

    @contextmanager
    def _own_generator(self, *, start_afresh):
        """Draw from the net's own generator, and restore the state of torch's."""
        self._check_device_is_here()
        gpu = self._gpu()
        with taking_turns(), torch.random.fork_rng([] if gpu is None else [gpu]):
            if start_afresh or not hasattr(self, "generator_state_"):
                random_state = check_random_state(self.random_state)
                seed = random_state.randint(np.iinfo(np.int32).max)
                torch.default_generator.manual_seed(seed)  # no other GPU's generator
                if gpu is not None:
                    torch.cuda.default_generators[gpu].manual_seed(seed)
            else:
                torch.set_rng_state(self.generator_state_)
            yield
            self.generator_state_ = torch.get_rng_state()

    def _gpu(self):
        """Return the number of the GPU that the net computes on; None of a CPU."""
        if self._device_type != "cuda":
            return None
        index = torch.device(self.device).index
        return torch.cuda.current_device() if index is None else index

    def __getstate__(self):
        state = {**super().__getstate__(), "device": self.device}
        # As arrays, which others store without pickle (skops, and MLflow by it).
        tensors = {name: value for name, value in state.items() if _is_array(value)}
        arrays = {name: value.numpy() for name, value in tensors.items()}
        rest = {name: value for name, value in state.items() if name not in tensors}
        return {**rest, "_tensors": arrays}

    def __setstate__(self, state):
        arrays = state.pop("_tensors", {})  # which earlier pickles do not have
        super().__setstate__(state)
        for name, array in arrays.items():
            self.__dict__[name] = torch.from_numpy(array.copy())
        # skorch sets the device that is available, the CPU where CUDA is missing.
        found = self.__dict__.pop("device")
        if str(self._device) != "auto":
            self._device = found


def _is_array(value):
    """Whether it is a tensor that NumPy can hold: others stay as they are."""
    return (
        type(value) is torch.Tensor
        and value.device.type == "cpu"
        and value.layout is torch.strided
        and value.dtype not in (torch.bfloat16, torch.complex32)
        and not value.requires_grad
    )


def _is_depthwise(layer):
    """Whether it is a convolution of single channels, slower in bfloat16 on a CPU."""
    return getattr(layer, "groups", 1) > 1 and layer.groups == layer.in_channels
