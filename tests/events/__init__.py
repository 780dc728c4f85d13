"""What must hold of events: good ones pass whole, bad ones become rejects that say why."""
