"""The deployed system as code: one CDK app, two stages (laptop and aws)."""

import os

# jsii prints a banner on stderr for Node releases past their end of life; Node 20 runs it well.
# The variables name the major versions to be silent about; they are read when aws_cdk is imported.
for _event in ("END_OF_LIFE", "DEPRECATED"):
    _variable = f"JSII_SILENCE_WARNING_{_event}_NODE_VERSION"
    os.environ[_variable] = ",".join(filter(None, (os.environ.get(_variable), "20", "22")))
