package soql

// Query is a parsed query: the root, one in the select list that goes down to
// children, or one in a semi-join.
type Query struct {
	// Text is the whole query as it was given; errors quote it.
	Text string
	// Pos is where the query begins in Text: 0 for the root.
	Pos int
	// Count is true for SELECT COUNT(), which has no Select.
	Count  bool
	Select []Item
	// From is an object, or in the select list the name of a child
	// relationship.
	From Name
	// Owner is what stood before From and a dot: the parent's name or alias.
	Owner Name
	// Alias is the name that FROM gives the object, or "".
	Alias string
	// Relations are further names that FROM gives to parents: FROM Contact c,
	// c.Account a.
	Relations []Relation
	Scope     Name // USING SCOPE, or empty
	Where     Expr // nil without WHERE
	GroupBy   *Grouping
	Having    Expr // nil without HAVING
	OrderBy   []Order
	// Limit and Offset are -1 where the query does not say.
	Limit, Offset int
	// AllRows is true when the query ends in ALL ROWS, at AllRowsPos.
	AllRows    bool
	AllRowsPos int
}

// Name is a name and the place (in bytes) at which it stands in the text.
type Name struct {
	Text string
	Pos  int
}

// Relation is a name that FROM gives to a parent.
type Relation struct {
	Alias string
	Path  Path
}

// Path is a field, possibly seen through lookups: Space__r.Account__r.Name.
type Path struct {
	Parts []Name
}

// Pos is where the path begins.
func (p Path) Pos() int {
	if len(p.Parts) == 0 {
		return 0
	}
	return p.Parts[0].Pos
}

// Operand is what a query selects, compares, groups or sorts by: a field, or a
// function of one.
type Operand struct {
	// Wraps are what changes how the value is shown, outermost first: FORMAT,
	// TOLABEL, CONVERTCURRENCY.
	Wraps []Func
	// Func is an aggregate or a date function, or "".
	Func Func
	// Zoned is true for convertTimezone around the field.
	Zoned bool
	// Path is empty for COUNT().
	Path Path
	// At is where the operand begins.
	At int
}

// IsPlain says whether the operand is a field and nothing else.
func (o Operand) IsPlain() bool { return o.Func == "" && len(o.Wraps) == 0 }

// Item is one term of the select list: an operand, or one of Child, TypeOf and
// Fields.
type Item struct {
	Operand
	Alias  Name
	Child  *Query
	TypeOf *TypeOf
	// Fields is ALL, STANDARD or CUSTOM for FIELDS(…).
	Fields string
}

// TypeOf selects by the type of the record to which a lookup points.
type TypeOf struct {
	Lookup Path
	When   []When
	Else   []Path
}

// When is one branch of TYPEOF: the fields for an object.
type When struct {
	Object Name
	Fields []Path
}

// Grouping is GROUP BY. Kind is "", ROLLUP or CUBE.
type Grouping struct {
	Kind  string
	Terms []Operand
}

// Expr is a condition: *And, *Or, *Not or *Compare.
type Expr interface{ isExpr() }

// And holds when all of its terms hold.
type And struct{ Terms []Expr }

// Or holds when one of its terms holds.
type Or struct{ Terms []Expr }

// Not holds when its term does not.
type Not struct{ Term Expr }

// Compare compares an operand with a value; with several for In, NotIn, Includes
// and Excludes; with what Sub selects for In and NotIn of a semi-join.
type Compare struct {
	Operand
	Op     Op
	OpPos  int
	Values []Value
	Sub    *Query
}

func (*And) isExpr()     {}
func (*Or) isExpr()      {}
func (*Not) isExpr()     {}
func (*Compare) isExpr() {}

// Op is a comparison.
type Op string

// The comparisons.
const (
	Eq       Op = "="
	Ne       Op = "!="
	Lt       Op = "<"
	Le       Op = "<="
	Gt       Op = ">"
	Ge       Op = ">="
	Like     Op = "LIKE"
	In       Op = "IN"
	NotIn    Op = "NOT IN"
	Includes Op = "INCLUDES"
	Excludes Op = "EXCLUDES"
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
	// Currency is an amount with its currency, such as USD5000.
	Currency
)

// Value is a literal. Text is "true" or "false" for Bool, the unescaped text
// for String, the capitals for DateLiteral, the number for Currency and the
// text as given for the others.
type Value struct {
	Kind ValueKind
	Text string
	// Raw is a String as given between its quotes, with escapes, which LIKE
	// needs in order to tell \% from %; of a Currency, its three letters.
	Raw string
	// N is the number after the colon of a DateLiteral.
	N   int
	Pos int
}

// Order is one term of ORDER BY. Nulls come first unless NullsLast, whichever
// the direction, as on the platform.
type Order struct {
	Operand
	Desc      bool
	NullsLast bool
}
