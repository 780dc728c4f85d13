"""The compiled core: each kernel beside a plain statement of the same rule."""
