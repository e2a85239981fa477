package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// A tongue is what reports of one language are put together from. Each thing and each
// fault is said in two ways: as reports say it, and as people ask, who were not there
// when it was written.
type tongue struct {
	name    string
	things  [][2]string
	faults  [][2]string
	asides  []string
	report  string // of a thing and its fault
	content string // of a code, a name, a report, and two asides
	query   string // of a thing and its fault, as people ask
	byCode  string // the query of a code
	byName  string // the query of a name
	titles  string // of a number
}

var tongues = []tongue{
	{
		name: "en",
		things: [][2]string{
			{"elevator", "lift"}, {"refrigerator", "fridge"}, {"laptop", "notebook computer"}, {"car", "automobile"},
			{"bicycle", "bike"}, {"front door", "main entrance"}, {"lamp", "light"}, {"oven", "stove"},
			{"printer", "printing machine"}, {"heater", "radiator"}, {"faucet", "water tap"}, {"couch", "sofa"},
		},
		faults: [][2]string{
			{"makes a loud noise", "is noisy"}, {"does not start in the morning", "won't turn on early in the day"},
			{"smells of smoke", "has a burning odour"}, {"drips onto the floor", "leaks and makes the ground wet"},
			{"became far too hot", "overheats"}, {"was stolen over the weekend", "was taken by thieves"},
			{"needs a new coat of paint", "should be repainted"}, {"is covered with dust", "is very dirty"},
		},
		asides: []string{
			"It was seen by the night shift.", "Parts have been ordered.", "Please call back before noon.",
			"The warranty ends next year.", "Photographs are attached.", "The neighbours were told.",
		},
		report: "The %s %s.", content: "Report %s by %s. %s %s %s", query: "the %s %s",
		byCode: "report %s", byName: "what did %s report?", titles: "Report %d",
	},
	{
		name: "de",
		things: [][2]string{
			{"der Aufzug", "Aufzüge"}, {"der Kühlschrank", "Kühlschränke"}, {"der Rechner", "Rechners"},
			{"das Fahrzeug", "Fahrzeuge"}, {"das Fahrrad", "Fahrräder"}, {"die Haustür", "Haustüren"},
			{"die Lampe", "Lampen"}, {"der Ofen", "Öfen"}, {"der Drucker", "Druckern"}, {"die Heizung", "Heizungen"},
			{"der Wasserhahn", "Wasserhähne"}, {"das Sofa", "Sofas"},
		},
		faults: [][2]string{
			{"macht laute Geräusche", "lautes Geräusch"}, {"startet morgens nicht", "starten nicht am Morgen"},
			{"riecht nach Rauch", "Geruch von Rauch"}, {"tropft auf den Boden", "Tropfen auf dem Boden"},
			{"wurde viel zu heiß", "zu heiße"}, {"wurde am Wochenende gestohlen", "am Wochenende stehlen"},
			{"braucht einen neuen Anstrich", "neu anstreichen"}, {"ist mit Staub bedeckt", "von Staub bedeckte"},
		},
		asides: []string{
			"Die Nachtschicht hat es gesehen.", "Ersatzteile sind bestellt.", "Bitte vor Mittag zurückrufen.",
			"Die Garantie endet im nächsten Jahr.", "Fotos liegen bei.", "Die Nachbarn wissen Bescheid.",
		},
		report: "Hier %[2]s %[1]s.", content: "Meldung %s von %s. %s %s %s", query: "%[2]s: %[1]s",
		byCode: "Meldung %s", byName: "Was hat %s gemeldet?", titles: "Meldung %d",
	},
	{
		name: "zh",
		things: [][2]string{
			{"电梯", "电梯"}, {"冰箱", "冰箱"}, {"笔记本电脑", "电脑"}, {"汽车", "汽车"},
			{"自行车", "自行车"}, {"大门", "大门"}, {"台灯", "台灯"}, {"烤箱", "烤箱"},
			{"打印机", "打印机"}, {"暖气", "暖气"}, {"水龙头", "水龙头"}, {"沙发", "沙发"},
		},
		faults: [][2]string{
			{"发出很大的噪音", "噪音很大"}, {"早上无法启动", "无法启动"},
			{"有烟味", "烟味"}, {"漏水到地板上", "地板漏水"}, {"温度过高", "过高的温度"},
			{"周末被偷走了", "被偷"}, {"需要重新刷油漆", "油漆"}, {"上面布满灰尘", "灰尘"},
		},
		asides: []string{
			"夜班人员看到了。", "零件已经订购。", "请在中午之前回电。", "保修明年到期。",
			"附上照片。", "邻居已经知道了。",
		},
		report: "这里的%s%s。", content: "报告%s，%s提交。%s%s%s", query: "%s%s",
		byCode: "报告%s", byName: "%s的报告", titles: "报告%d",
	},
}

var (
	firstNames = []string{
		"Marlene", "Tobias", "Ines", "Ravi", "Yuki", "Oluwaseun", "Frida", "Mateo", "Nadia", "Piotr", "Leila", "Hanna",
		"Kofi", "Sofie", "Emre", "Chiara", "Anselm", "Wanda",
	}
	lastNames = []string{
		"Okonkwo", "Lindqvist", "Baumann", "Tanaka", "Moreau", "Petrov", "Almeida", "Haddad", "Kowalski", "Nguyen",
		"Ferrari", "Osei", "Yilmaz", "Brandt", "Kaplan", "Ruiz",
	}
)

// A collected is a collection that is written down.
type collected struct {
	corpus, queries, judged bytes.Buffer
	asked                   int
}

// writeCollection writes a collection of 288 reports of faults in three languages
// into a new folder, always the same one. Reports share their words with others: each of
// a thing and a fault is the only one of both. Queries name them in other words, or
// by a code or a name that stands in one of them.
func writeCollection(t *testing.T, folder string) {
	t.Helper()
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(2026, 11))
	names := random.Perm(len(firstNames) * len(lastNames))
	c := &collected{}
	c.judged.WriteString("query-id\tcorpus-id\tscore\n")
	for _, l := range tongues {
		for i, thing := range l.things {
			for j, fault := range l.faults {
				number := len(names)
				name := firstNames[names[0]%len(firstNames)] + " " + lastNames[names[0]/len(firstNames)]
				names = names[1:]
				code := fmt.Sprintf("%s%02d-%04d", string(rune('A'+i))+string(rune('K'+j)), random.IntN(100), random.IntN(10000))
				id := fmt.Sprintf("%s-%d-%d", l.name, i, j)
				c.write(&c.corpus, map[string]string{
					"id": id, "title": fmt.Sprintf(l.titles, number),
					"text": fmt.Sprintf(l.content, code, name, fmt.Sprintf(l.report, thing[0], fault[0]),
						l.asides[random.IntN(len(l.asides))], l.asides[random.IntN(len(l.asides))]),
				})
				switch (i + j) % 5 {
				case 0, 2:
					c.ask(id, fmt.Sprintf(l.query, thing[1], fault[1]))
				case 1:
					c.ask(id, fmt.Sprintf(l.byCode, code))
				case 3:
					c.ask(id, fmt.Sprintf(l.byName, name))
				}
			}
		}
	}
	for name, content := range map[string]*bytes.Buffer{
		"corpus.jsonl": &c.corpus, "queries.jsonl": &c.queries, "qrels.tsv": &c.judged,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// ask adds a query to which one document is relevant.
func (c *collected) ask(id, text string) {
	c.asked++
	query := fmt.Sprint("q", c.asked)
	c.write(&c.queries, map[string]string{"id": query, "text": text})
	fmt.Fprintf(&c.judged, "%s\t%s\t1\n", query, id)
}

func (c *collected) write(file *bytes.Buffer, line map[string]string) {
	raw, err := json.Marshal(line)
	if err != nil {
		panic(err) // texts can be written
	}
	file.Write(append(raw, '\n'))
}
