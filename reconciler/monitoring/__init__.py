"""From objectives to what monitoring tools need to report that they are missed: alert rules, routes, templates."""
