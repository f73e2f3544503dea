package migrations

import "io/fs"

// Files gives the numbered SQL.
func Files() fs.FS { return files }
