"""``python -m purpose_agent``: the same as the command ``purpose-agent``."""

import sys

from purpose_agent.cli import main

if __name__ == "__main__":
    sys.exit(main())
