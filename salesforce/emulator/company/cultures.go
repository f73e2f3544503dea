package company

import (
	"fmt"
	"math/rand/v2"
)

// culture is where people and companies come from, in their own script.
type culture struct {
	country       string // as BillingCountry has it
	given, family []string
	// A company's name is a first and a second word, with join between them, and its
	// legal form, before or behind.
	first, second []string
	join          string
	forms         []string
	formBefore    bool
}

// cultures are those whose names are not plain Latin letters. They are chosen for
// what breaks software: letters that have another case elsewhere, combining marks,
// right-to-left text, no spaces between words, no letters at all.
var cultures = []culture{
	{country: "Germany", given: []string{"Jürgen", "Käthe", "Björn", "Sören", "Ursel", "Günther"}, family: []string{"Müller", "Weiß", "Schäfer", "Größl", "Hübner", "Bäcker"},
		first: []string{"Süddeutsche", "Märkische", "Königs", "Grüne", "Nürnberger", "Überland"}, second: []string{"Möbelwerke", "Kältetechnik", "Büroservice", "Gießerei", "Mühlen", "Straßenbau"}, join: " ", forms: []string{"GmbH", "AG", "GmbH & Co. KG"}},
	{country: "France", given: []string{"Élise", "François", "Zoé", "Noël", "Hélène", "Benoît"}, family: []string{"Lefèvre", "d'Aubigné", "Çelik-Morin", "Gauthier", "Lemaître", "Bérenger"},
		first: []string{"Société", "Groupe", "Maison", "Établissements", "Ateliers"}, second: []string{"Générale d'Énergie", "Château-Neuf", "Forêt Bleue", "Île-Dieu", "Océane", "Crème & Fils"}, join: " ", forms: []string{"SARL", "S.A.S.", "S.A."}},
	{country: "Poland", given: []string{"Łukasz", "Zofia", "Święcisław", "Małgorzata", "Józef"}, family: []string{"Wójcik", "Żukowska", "Śliwiński", "Dąbrowska", "Kaźmierczak"},
		first: []string{"Zakłady", "Przędzalnia", "Źródło", "Książnica"}, second: []string{"Łódź", "Gdańsk", "Świętokrzyskie", "Wrocław", "Żywiec"}, join: " ", forms: []string{"Sp. z o.o.", "S.A."}},
	{country: "Turkey", given: []string{"İpek", "Işıl", "Çağrı", "Gökçe", "Şule"}, family: []string{"Yıldız", "Öztürk", "Çınar", "Güneş", "Işık"},
		first: []string{"İstanbul", "Çınar", "Işık", "Güneş", "Doğu"}, second: []string{"Çelik", "Gıda", "Yazılım", "İnşaat", "Taşımacılık"}, join: " ", forms: []string{"A.Ş.", "Ltd. Şti."}},
	{country: "Vietnam", given: []string{"Hồng", "Đức", "Thị Mỹ", "Quốc", "Ngọc Ánh"}, family: []string{"Nguyễn", "Trần", "Đặng", "Phạm", "Huỳnh"},
		first: []string{"Công nghệ", "Thực phẩm", "Vận tải", "Xây dựng"}, second: []string{"Sông Hồng", "Đại Việt", "Hạ Long", "Bình Minh"}, join: " ", forms: []string{"CTCP", "TNHH"}, formBefore: true},
	{country: "Denmark", given: []string{"Søren", "Åse", "Bjørg", "Jørgen"}, family: []string{"Ødegård", "Nørgaard", "Sørensen", "Bjørn-Ås"},
		first: []string{"Nørrebro", "Østersø", "Grønland", "Ærø"}, second: []string{"Håndværk", "Møbler", "Fødevarer", "Rør & Stål"}, join: " ", forms: []string{"A/S", "ApS"}},
	{country: "Russia", given: []string{"Дмитрий", "Екатерина", "Артём", "Юлия", "Фёдор"}, family: []string{"Орлов", "Щербакова", "Ёлкин", "Царёва", "Жуков"},
		first: []string{"Северный", "Уральский", "Волжский", "Новый", "Балтийский"}, second: []string{"Путь", "Завод", "Берег", "Комбинат", "Ветер"}, join: " ", forms: []string{"ООО", "АО", "ПАО"}, formBefore: true},
	{country: "Ukraine", given: []string{"Олексій", "Їржина", "Євген", "Соломія"}, family: []string{"Ґалаґан", "Шевченко", "Єфремова", "Їжакевич"},
		first: []string{"Київський", "Карпатський", "Дніпровський"}, second: []string{"Хліб", "Край", "Ґрунт", "Дім"}, join: " ", forms: []string{"ТОВ", "ПрАТ"}, formBefore: true},
	{country: "Greece", given: []string{"Ελένη", "Γιώργος", "Άννα", "Σωτήρης"}, family: []string{"Παππά", "Οικονόμου", "Χατζής", "Ζαΐμης"},
		first: []string{"Αιγαίο", "Ολύμπια", "Ελληνικά", "Κρήτη"}, second: []string{"Τρόφιμα", "Ναυτιλία", "Λογισμικό", "Ελαιουργεία"}, join: " ", forms: []string{"Α.Ε.", "Ε.Π.Ε."}},
	{country: "Kuwait", given: []string{"أحمد", "ليلى", "عبد الله", "نور"}, family: []string{"منصور", "الصباح", "العُتيبي", "حدّاد"},
		first: []string{"شركة النخيل", "مجموعة الخليج", "مؤسسة الواحة", "دار السلام"}, second: []string{"للتجارة", "للطاقة", "للبرمجيات", "للمقاولات"}, join: " ", forms: []string{"ذ.م.م", "ش.م.ك"}},
	{country: "Israel", given: []string{"דנה", "יוסף", "נֹעַם", "שירה"}, family: []string{"לוי", "בן-דוד", "צ'רניחובסקי", "כהן"},
		first: []string{"מגדלור", "כרמל", "גליל", "נגב"}, second: []string{"מערכות", "מזון", "תוכנה", "הובלות"}, join: " ", forms: []string{"בע\"מ"}},
	{country: "China", given: []string{"芳", "伟", "秀英", "建国"}, family: []string{"王", "欧阳", "李", "诸葛"},
		first: []string{"云山", "长江", "华东", "金桥"}, second: []string{"科技", "贸易", "机械", "物流"}, forms: []string{"有限公司", "股份有限公司"}},
	{country: "Japan", given: []string{"健太", "さくら", "ユウキ", "美咲"}, family: []string{"田中", "髙橋", "渡邊", "ササキ"},
		first: []string{"東京", "さくら", "ミライ", "北海道"}, second: []string{"電機", "システムズ", "フーズ", "製作所"}, forms: []string{"株式会社", "合同会社"}, formBefore: true},
	{country: "South Korea", given: []string{"민준", "서연", "하늘", "지훈"}, family: []string{"김", "남궁", "박", "황보"},
		first: []string{"한빛", "서울", "동해", "미래"}, second: []string{"소프트", "전자", "식품", "물류"}, forms: []string{"(주)", "유한회사"}, formBefore: true},
	{country: "India", given: []string{"देव", "प्रिया", "श्रीनिवास", "क्षितिज"}, family: []string{"पटेल", "शर्मा", "त्रिवेदी", "मिश्र"},
		first: []string{"सूर्य", "गंगा", "भारतीय", "हिमालय"}, second: []string{"उद्योग", "तकनीक", "वस्त्र", "परिवहन"}, join: " ", forms: []string{"प्रा. लि.", "लिमिटेड"}},
	{country: "Thailand", given: []string{"สมชาย", "กัญญา", "ปิยะ", "น้ำฝน"}, family: []string{"ศรีสุข", "วงศ์ใหญ่", "ทองคำ", "เจริญผล"},
		first: []string{"บริษัท ไทยรุ่งเรือง", "บริษัท เจ้าพระยา", "บริษัท สยามทอง"}, second: []string{"เทคโนโลยี", "อาหาร", "ขนส่ง", "ก่อสร้าง"}, forms: []string{" จำกัด", " จำกัด (มหาชน)"}},
}

// freeMail are domains that identify nobody.
var freeMail = []string{"gmail.com", "outlook.com", "yahoo.co.jp", "qq.com", "web.de", "mail.ru", "naver.com", "libero.it"}

func choose[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// person gives a first and a last name.
func (c *culture) person(r *rand.Rand) (given, family string) {
	return choose(r, c.given), choose(r, c.family)
}

// firm gives a company's name.
func (c *culture) firm(r *rand.Rand) string {
	name, form := choose(r, c.first)+c.join+choose(r, c.second), choose(r, c.forms)
	gap := c.join
	switch {
	case c.formBefore:
		return form + gap + name
	default:
		return name + gap + form
	}
}

// names gives out names of companies, each once.
type names struct{ used map[string]int }

// once adds a number to a name that is taken.
func (n *names) once(name string) string {
	n.used[name]++
	if k := n.used[name]; k > 1 {
		return fmt.Sprintf("%s %d", name, k)
	}
	return name
}

// traits are what is drawn of a customer beside its story, in a stream of its own: the
// stories of a seed do not depend on who they are of.
type traits struct {
	culture *culture // nil for plain Latin letters
	name    string   // of the company
	// given and family are of its contact.
	given, family string
	freeMail      string // where its first user has the address; "" for its own domain
}

func (g *generator) traits(n int) traits {
	t := traits{}
	if g.who.IntN(1000) < 25 {
		t.freeMail = fmt.Sprintf("crm.%d@%s", n+1, choose(g.who, freeMail))
	}
	if g.who.IntN(100) < 45 {
		t.culture = &cultures[g.who.IntN(len(cultures))]
		t.name = g.names.once(t.culture.firm(g.who))
		t.given, t.family = t.culture.person(g.who)
	}
	return t
}
