"""The citizen's page, Open311, the hook for text messages and the open data, over HTTP."""
