"""`python -m mxproof` is `mxproof`."""

import sys

from .cli import main

sys.exit(main())
