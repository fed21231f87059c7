"""The operator's command, and what one machine needs to run an installation."""

import warnings

# Known, and settled in docs/decisions: nameko stands on eventlet.
warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated")
