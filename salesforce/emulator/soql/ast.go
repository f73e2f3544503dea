package soql

// Query is a parsed query.
type Query struct {
	// Text is the query as it was given; errors quote it.
	Text string
	// Count is true for SELECT COUNT(), which has no Fields.
	Count  bool
	Fields []Path
	From   Name
	// Alias is the name that FROM gives the object, or "".
	Alias   string
	Where   Expr // nil without WHERE
	OrderBy []Order
	// Limit and Offset are -1 where the query does not say.
	Limit, Offset int
}

// Name is a name and the place (in bytes) at which it stands in the text.
type Name struct {
	Text string
	Pos  int
}

// Path is a field, possibly seen through lookups: Space__r.Account__r.Name.
type Path struct {
	Parts []Name
}

// Pos is where the path begins.
func (p Path) Pos() int { return p.Parts[0].Pos }

// Expr is a condition: *And, *Or, *Not or *Compare.
type Expr interface{ isExpr() }

// And holds when all of its terms hold.
type And struct{ Terms []Expr }

// Or holds when one of its terms holds.
type Or struct{ Terms []Expr }

// Not holds when its term does not.
type Not struct{ Term Expr }

// Compare compares a field with a value, or with several for In and NotIn.
type Compare struct {
	Path   Path
	Op     Op
	OpPos  int
	Values []Value
}

func (*And) isExpr()     {}
func (*Or) isExpr()      {}
func (*Not) isExpr()     {}
func (*Compare) isExpr() {}

// Op is a comparison.
type Op string

// The comparisons.
const (
	Eq    Op = "="
	Ne    Op = "!="
	Lt    Op = "<"
	Le    Op = "<="
	Gt    Op = ">"
	Ge    Op = ">="
	Like  Op = "LIKE"
	In    Op = "IN"
	NotIn Op = "NOT IN"
)

// ValueKind is what a literal is.
type ValueKind int

// The kinds of literals.
const (
	Null ValueKind = iota
	Bool
	String
	Number
	Date
	DateTime
	// DateLiteral is a relative date, such as TODAY or LAST_N_DAYS:30.
	DateLiteral
)

// Value is a literal. Text is "true" or "false" for Bool, the unescaped text
// for String, the capitals for DateLiteral and the text as given for the others.
type Value struct {
	Kind ValueKind
	Text string
	// Raw is a String as given between its quotes, with escapes, which LIKE
	// needs in order to tell \% from %.
	Raw string
	// N is the number after the colon of a DateLiteral.
	N   int
	Pos int
}

// Order is one term of ORDER BY. Nulls come first unless NullsLast, whichever
// the direction, as on the platform.
type Order struct {
	Path      Path
	Desc      bool
	NullsLast bool
}
