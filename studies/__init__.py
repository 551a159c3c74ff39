"""What makes the project's own figures, no part of the installed package: ``python -m studies.NAME``, in a clone."""
