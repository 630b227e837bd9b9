"""`python -m engine` is `story`."""

from engine.start import main

if __name__ == "__main__":
    main()
