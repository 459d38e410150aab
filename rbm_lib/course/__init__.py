"""What the notebooks need beside the library: lessons, exercises, the environment."""

from rbm_lib.course.environment import check_device, check_environment, repository_root
from rbm_lib.course.exercises import Exercise, check, exercise
from rbm_lib.course.lesson import Lesson
from rbm_lib.course.say import say

__all__ = [
    "Exercise",
    "Lesson",
    "check",
    "check_device",
    "check_environment",
    "exercise",
    "repository_root",
    "say",
]
