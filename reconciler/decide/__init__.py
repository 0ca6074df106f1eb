"""Pure decisions: matching, actions to claims, the state machine. Imports model only."""
