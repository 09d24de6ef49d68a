import pytest

from submissions.offline.wheels import HEAD, lacking, libraries, requirements

LOCK = """\
numpy==2.3.0 \\
    --hash=sha256:00
simplejpeg==1.9.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
simplejpeg-x==1 \\
    --hash=sha256:cc
two==1 ; python_full_version < '3.12' \\
    --hash=sha256:dd
two==2 ; python_full_version >= '3.12' \\
    --hash=sha256:ee
"""


def test_only_what_is_neither_python_s_nor_the_image_s_is_lacking():
    imported = ["json", "numpy.linalg", "cv2", "sklearn.metrics", "xgboost", "catboost", "PIL"]
    assert lacking(imported) == ()
    assert lacking([*imported, "simplejpeg", "simplejpeg", "a_b.c"]) == ("a-b", "simplejpeg")


def test_the_image_s_libraries_are_said_with_their_versions():
    imported = ["torch.nn", "cv2", "json", "sklearn", "simplejpeg", "torch"]
    assert libraries(imported) == ("opencv-python-headless", "scikit-learn 1.6.1", "torch 2.10")


def test_requirements_are_the_lock_s_lines_with_their_hashes():
    assert requirements(["numpy", "simplejpeg", "two"], LOCK) == HEAD + (
        "simplejpeg==1.9.0 \\\n"
        "    --hash=sha256:aa \\\n"
        "    --hash=sha256:bb\n"
        "two==1 ; python_full_version < '3.12' \\\n"
        "    --hash=sha256:dd\n"
        "two==2 ; python_full_version >= '3.12' \\\n"
        "    --hash=sha256:ee\n"
    )
    assert requirements(["numpy"], LOCK) == HEAD


def test_what_nobody_has_is_our_mistake():
    with pytest.raises(AssertionError, match="three is neither in the image nor in the lock"):
        requirements(["three"], LOCK)
