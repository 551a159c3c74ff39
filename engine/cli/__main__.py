"""``python -m engine.cli`` is ``qcs``."""

import sys

from engine.cli.main import main

sys.exit(main())
