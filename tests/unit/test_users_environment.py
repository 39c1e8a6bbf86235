"""Settings of the user who runs the tests lead no test to a real server."""

import os
import subprocess
import sys
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]

_LOOK = (
    "import os, tests.conftest; print(sorted(n for n in os.environ if 'THEIRS' in os.environ[n]))"
)


def test_no_setting_of_the_user_reaches_a_test():
    theirs = {
        "MADAN_SARA_SMTP_HOST": "THEIRS",
        "MADAN_SARA_SMTP_PASSWORD": "THEIRS",
        "MADAN_SARA_DATABASE_URL": "THEIRS",
        "TEMPORAL_ADDRESS": "THEIRS",
        "PGPASSWORD": "THEIRS",
        "SOMETHING_ELSE": "THEIRS",
    }
    seen = subprocess.run(
        [sys.executable, "-c", _LOOK],
        cwd=_REPOSITORY,
        env={**os.environ, **theirs},
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout == "['SOMETHING_ELSE']\n"
