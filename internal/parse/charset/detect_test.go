package charset

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	utf "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// A sample is a text and the encodings it is met in. Its first sentence and its
// first words are texts of their own.
type sample struct {
	language  string
	text      string
	encodings []encoding.Encoding
}

func samples() []sample {
	type encodings = []encoding.Encoding
	west := encodings{charmap.Windows1252, charmap.ISO8859_15}
	center := encodings{charmap.Windows1250, charmap.ISO8859_2}
	cyr := encodings{charmap.Windows1251, charmap.KOI8R, charmap.ISO8859_5, charmap.CodePage866}
	return []sample{
		{"German", "Die Übung für größere Bäume ist schön. Wir möchten Ihnen die Prüfung der Straße zwischen " +
			"Köln und München " +
			"erläutern; außerdem müssen Gebühren überwiesen " +
			"werden.", append(west, charmap.CodePage850, charmap.Macintosh)},
		{"French", "L’été dernier, nous avons visité la forêt. Les élèves ont étudié à l'université où " +
			"l'on a créé un modèle très " +
			"général ; ça a coûté 30 € à la société française.", append(west[:1:1], charmap.Macintosh)},
		{"Spanish", "¿Dónde está el niño pequeño? La educación de los años próximos será más difícil " +
			"según el último informe " +
			"que se presentó en España; la mañana también llovió.", west},
		{"Portuguese", "A situação não é fácil. As eleições são às três da manhã, e a população está à " +
			"espera de informações sobre " +
			"o orçamento da educação e da saúde pública.", west},
		{"Italian", "La città è più bella così. Perché non c'è libertà, l'università però sarà lunedì " +
			"un'attività " +
			"di qualità per la società.", west},
		{"Swedish", "Får får får? Nej, får får lamm. Vi måste också förstå att språket är svårt för " +
			"många människor på små öar, " +
			"där ån är blå.", west},
		{"Danish", "Blåbærgrød på øen er sødt. Børnene går på gåtur, når de æder æbler og løber over " +
			"søen hver eneste dag.", west},
		{"Finnish", "Hyvää päivää, mitä kuuluu? Tämä on pieni näyte siitä, että äänekäs yö päättyi " +
			"pöydän äärelle.", west},
		{"Dutch", "De coördinatie van categorieën één en twee. Financiële ideeën uit België zijn geïnd door " +
			"drieëntwintig mensen.", west},
		{"Icelandic", "Það er gott að vera hér á Íslandi. Þessi maður ætlar að fara út í búð og kaupa " +
			"mjólk, brauð og rjóma.", west},
		{"English", "The café’s menu — “à la carte” — was naïve. The price of £5 at 20° was cliché, " +
			"and the façade resumé © 2024.", west[:1]},
		{"Polish", "Zażółć gęślą jaźń, proszę państwa. Wszyscy ludzie rodzą się wolni i równi pod " +
			"względem swej godności; są obdarzeni " +
			"rozumem i powinni postępować wobec innych w duchu braterstwa, mówił Łukasz.", center},
		{"Czech", "Příliš žluťoučký kůň úpěl ďábelské ódy. Všichni lidé rodí se svobodní a sobě " +
			"rovní co do důstojnosti a práv; jsou " +
			"nadáni rozumem a svědomím a mají spolu jednat v duchu bratrství.", center},
		{"Hungarian", "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Az emberek, " +
			"ésszel és lelkiismerettel bírván, " +
			"egymással szemben testvéri szellemben kell hogy viseltessenek: így működött a gyűjtő őse.", center},
		{"Croatian", "Sva ljudska bića rađaju se slobodna. Ona su obdarena razumom i sviješću, ali čovjek šeće " +
			"žurno kroz noć i kuću.", center},
		{"Turkish", "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana " +
			"sahiptirler ve birbirlerine karşı " +
			"kardeşlik zihniyeti ile hareket etmelidirler; İstanbul’da öğrenciler " +
			"çalışıyor.", encodings{charmap.Windows1254}},
		{"Lithuanian", "Visi žmonės gimsta laisvi ir lygūs savo orumu ir teisėmis. Jiems suteiktas protas ir " +
			"sąžinė ir jie turi elgtis " +
			"vienas kito atžvilgiu kaip broliai, šiųmečių vėjų.", encodings{charmap.Windows1257}},
		{"Russian", "Все люди рождаются свободными и равными в своём " +
			"достоинстве. Они наделены разумом и совестью и должны " +
			"поступать " +
			"в отношении друг друга в духе братства. Москва, 2024 год: " +
			"ПРОТОКОЛ собрания.", cyr},
		{"Russian in capitals", "ПРОТОКОЛ ОБЩЕГО СОБРАНИЯ. УСТАНОВЛЕНО, ЧТО " +
			"РЕШЕНИЕ ПРИНЯТО БОЛЬШИНСТВОМ ГОЛОСОВ.", cyr},
		{"Ukrainian", "Всі люди народжуються вільними і рівними у своїй " +
			"гідності. Вони наділені розумом і совістю; її надія є в Києві.",
			encodings{charmap.Windows1251, charmap.KOI8U}},
		{"Bulgarian", "Всички хора се раждат свободни и равни по " +
			"достойнство. Те са надарени с разум и съвест и следва да се " +
			"отнасят " +
			"помежду си в дух на братство.", encodings{charmap.Windows1251}},
		{"Greek", "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι. " +
			"Είναι προικισμένοι με λογική και συνείδηση, και οφείλουν να " +
			"συμπεριφέρονται μεταξύ τους με πνεύμα " +
			"αδελφοσύνης.", encodings{charmap.Windows1253, charmap.ISO8859_7}},
		{"Hebrew", "כל בני האדם נולדו בני חורין. כולם חוננו בתבונה " +
			"ובמצפון, לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחווה.",
			encodings{charmap.Windows1255, charmap.ISO8859_8}},
		{"Arabic", "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. " +
			"وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا بروح الإخاء.",
			encodings{charmap.Windows1256, charmap.ISO8859_6}},
		{"Thai", "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกัน. ในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่งภราดรภาพ",
			encodings{charmap.Windows874}},
		{"Japanese", "すべての人間は、生まれながらにして自由である。" +
			"かつ、尊厳と権利とについて平等である。コンピュータのデータを保存します。" +
			"会議の議事録は明日までに提出してください。" +
			"", encodings{japanese.ShiftJIS, japanese.EUCJP, japanese.ISO2022JP}},
		{"Chinese, simplified", "人人生而自由，在尊严和权利上一律平等。" +
			"他们赋有理性和良心，并应以兄弟关系的精神相对待。" +
			"这个文件说明了系统的安装方法，请按照步骤操作。" +
			"", encodings{simplifiedchinese.GBK, simplifiedchinese.GB18030}},
		{"Chinese, traditional", "人人生而自由，在尊嚴和權利上一律平等。" +
			"他們賦有理性和良心，並應以兄弟關係的精神相對待。" +
			"這個文件說明了系統的安裝方法，請按照步驟操作。", encodings{traditionalchinese.Big5}},
		{"Korean", "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. " +
			"인간은 천부적으로 이성과 양심을 부여받았으며 " +
			"서로 형제애의 정신으로 행동하여야 한다.", encodings{korean.EUCKR}},
	}
}

// parts returns the text, its first sentence and its first words.
func (s sample) parts() []string {
	end := strings.IndexAny(s.text, ".。?;")
	words := strings.Fields(s.text)
	first := strings.Join(words[:min(3, len(words))], " ")
	if len(words) < 8 { // a language without spaces
		first = string([]rune(s.text)[:6])
	}
	return []string{s.text, s.text[:end], first}
}

func TestDetectLanguages(t *testing.T) {
	t.Parallel()
	right, all := [3]int{}, [3]int{}
	for _, s := range samples() {
		for _, e := range s.encodings {
			for i, part := range s.parts() {
				data, err := e.NewEncoder().String(part)
				if err != nil {
					t.Fatalf("%s in %v: %v", s.language, e, err)
				}
				if !strings.ContainsFunc(data, func(r rune) bool { return r >= 0x80 || r == 0x1b }) {
					continue
				}
				all[i]++
				if got := Decode([]byte(data)); got == part {
					right[i]++
				} else if i == 0 {
					t.Errorf("%s in %v: %q, want %q", s.language, e, got, part)
				}
			}
		}
	}
	t.Logf("texts %d of %d, sentences %d of %d, words %d of %d", right[0], all[0], right[1], all[1], right[2], all[2])
	if right[1]*100 < all[1]*93 || right[2]*100 < all[2]*90 {
		t.Error("too many sentences or words in the wrong encoding")
	}
}

// TestDetectBlocks has text whose bytes beyond ASCII come late, and across the
// buffers in which it is read.
func TestDetectBlocks(t *testing.T) {
	t.Parallel()
	padding := strings.Repeat("nothing but ASCII\n", 20_000)
	for name, text := range map[string]string{
		"UTF-8": padding + "Grüße", "a character between blocks": strings.Repeat("x", 64<<10-1) + "ü",
	} {
		for encoder, e := range map[string]encoding.Encoding{"UTF-8": utf.UTF8, "Windows-1252": charmap.Windows1252} {
			data, err := e.NewEncoder().String(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := Decode([]byte(data)); got != text {
				t.Errorf("%s in %s ends %q", name, encoder, got[len(got)-10:])
			}
			r, err := NewReader(strings.NewReader(data), int64(len(data)))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || string(got) != text {
				t.Errorf("%s in %s as a stream ends %q, %v", name, encoder, got[max(0, len(got)-10):], err)
			}
		}
	}
}

func TestDetectWide(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Hello, world", "Grüße aus Köln", "这个文件说明了系统 " +
		"的安装方法\n请按照步骤操作", "Всем привет от нас\n"} {
		for name, e := range map[string]encoding.Encoding{
			"UTF-16LE": utf.UTF16(utf.LittleEndian, utf.IgnoreBOM), "UTF-16BE": utf.UTF16(utf.BigEndian, utf.IgnoreBOM),
			"UTF-16LE with a mark": utf.UTF16(utf.LittleEndian, utf.UseBOM), "UTF-16BE with a " +
				"mark": utf.UTF16(utf.BigEndian, utf.UseBOM),
			"UTF-32LE": utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "UTF-32BE": utf32.UTF32(utf32.BigEndian,
				utf32.IgnoreBOM),
			"UTF-32LE with a mark": utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), "UTF-32BE with a " +
				"mark": utf32.UTF32(utf32.BigEndian, utf32.UseBOM),
		} {
			data, err := e.NewEncoder().String(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := Decode([]byte(data)); got != text {
				t.Errorf("%s: %q, want %q", name, got, text)
			}
		}
	}
}

func TestDamagedUTF8(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("Grüße aus Köln ", 10)
	if got := Decode([]byte(text + "\xff.")); got != text+"\ufffd." {
		t.Errorf("Decode = %q", got)
	}
	if got := Decode([]byte(text + "\xe4\xb8")); !strings.HasPrefix(got, text) {
		t.Errorf("Decode of a text that was cut = %q", got)
	}
}

func TestNamed(t *testing.T) {
	t.Parallel()
	tests := []struct{ label, data, want string }{
		{"iso-8859-1", "Gr\xfc\xdfe", "Grüße"},
		{" \"Windows-1251\" ", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
		{"iso-8859-1", "Grüße", "Grüße"}, // a lie
		{"utf-8", "Gr\xfc\xdfe an alle", "Grüße an alle"},
		{"us-ascii", "Hello", "Hello"},
		{"iso-2022-jp", "\x1b$BF|K\\\x1b(B", "日本"},
		{"", "\x1b$BF|K\\\x1b(B", "日本"},
		{"IBM850", "Gr\x81\xe1e", "Grüße"},
		{"x-unknown", "Hello", "Hello"},
		{"", "", ""},
	}
	for _, test := range tests {
		if got := Named(test.label, []byte(test.data)); got != test.want {
			t.Errorf("Named(%q, %q) = %q, want %q", test.label, test.data, got, test.want)
		}
	}
}

func TestReaderFault(t *testing.T) {
	t.Parallel()
	if _, err := Detect(iotest.ErrReader(io.ErrClosedPipe)); err == nil {
		t.Error("no error of a file that cannot be read")
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, s := range samples() {
		if s.language != "German" && s.language != "Japanese" {
			continue
		}
		data, err := s.encodings[0].NewEncoder().String(strings.Repeat(s.text, 10_000))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(s.language, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				Decode([]byte(data))
			}
		})
	}
}
