"""Git forges as places where people review: pull requests that ask for approval, and words on commits."""
