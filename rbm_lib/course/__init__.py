"""What the notebooks need beside the library: exercise checks, building, running, environment check."""

from rbm_lib.course.environment import check_device, check_environment
from rbm_lib.course.exercises import Exercise
from rbm_lib.course.lesson import Lesson

__all__ = ["Exercise", "Lesson", "check_device", "check_environment"]
