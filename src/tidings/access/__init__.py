"""Who is calling, and may they? Dialects verify their cloud's signature with what `authenticate` finds, and every service
function takes the `Grant` that `authorize` gives, so that no caller can forget to ask."""
