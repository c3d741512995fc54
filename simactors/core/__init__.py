"""Words and promises that every part of simactors shares: frozen data and Protocols, no behaviour
of any one backend. It knows only `simactors.exceptions`."""
