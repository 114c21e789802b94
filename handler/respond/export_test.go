package respond

// DeathsToPark is what tests count with.
const DeathsToPark = deathsToPark
