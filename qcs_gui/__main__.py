"""``python -m qcs_gui``."""

import sys

from qcs_gui.app import main

sys.exit(main())
