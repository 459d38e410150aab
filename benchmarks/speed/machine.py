"""What it runs on: processor, threads, memory, load."""

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

# As they are called by pip, and by Python if that is another name.
PACKAGES = {
    "torch": "torch",
    "numpy": "numpy",
    "scikit-learn": "sklearn",
    "learnergy": "learnergy",
    "rbms": "rbms",
    "rbm-lib": "rbm_lib",
}


def environment(threads):
    """The variables of a process in which BLAS uses so many threads."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return os.environ | dict.fromkeys(names, str(threads))


def peak_memory():
    """Largest resident size of this process so far, MB; None where it is not known."""
    try:  # Linux: ru_maxrss would start from the size of the process that started this one
        status = Path("/proc/self/status").read_text()
        return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) / 1024
    except (OSError, TypeError):
        pass
    try:
        import resource
    except ImportError:
        return None
    unit = 2**20 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def versions():
    """Of the packages that this process has loaded."""
    loaded = [name for name, module in PACKAGES.items() if module in sys.modules]
    return {name: importlib.metadata.version(name) for name in loaded}


def load():
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def find_device(device):
    """Ask PyTorch for "auto", in another process, which then has the memory of it."""
    if device != "auto":
        return device
    return ask("import torch; print('cuda' if torch.cuda.is_available() else 'cpu')")


def machine(device):
    """What it was measured on."""
    try:
        cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())[1]
    except (OSError, TypeError):
        cpu = platform.processor() or platform.machine()
    found = {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
    if device == "cuda":
        found["gpu"] = ask("import torch; print(torch.cuda.get_device_name())")
    return found


def ask(code):
    """What a process of its own prints."""
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()
