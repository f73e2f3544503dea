package query

// NoSuchObject is what the platform says of a name in FROM that the org does not
// have.
const NoSuchObject = noSuchObject
