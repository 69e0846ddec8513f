"""The laptop stage: the real CDK app, deployed into an emulator on this machine."""
