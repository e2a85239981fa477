package xml

import "strings"

// A role is what an element of a document is for its readers.
type role int

const (
	inline     role = iota // words of a line
	flow                   // holds blocks
	paragraph              // a paragraph, in which blocks may stand
	section                // holds blocks below a title
	titled                 // a small section, whose title is a paragraph
	heading                // the title of what it stands in
	levelled               // h1 to h6
	bullets                // a list
	numbers                // a numbered list
	terms                  // a list of terms and meanings
	item                   // of a list
	grid                   // a table
	verbatim               // code
	formula                // a formula on a line of its own
	references             // a list of references
	note                   // a footnote
	dropped                // nothing to read
)

// roles are those of the elements of JATS, DocBook, TEI, XHTML, DITA and FictionBook.
// An element that is not named is part of a line.
func roles() map[string]role {
	all := map[string]role{}
	for r, names := range map[role]string{
		flow: `article body text div back front main group set fn-group app-group glossary floats-group
			quote-block disp-quote blockquote epigraph blocktext statement caption legend table-wrap-foot
			qandaset qandaentry question answer footnotes stepalternatives html
			mediaobject textobject abstract-body refsynopsisdiv refnamediv refnamepurpose example-body
			conbody taskbody refbody context steps cmd header footer TEI lg sp stage TEI.2 teiCorpus FictionBook
			book-part collection disp-formula-group figgroup annotation poem stanza cite mediaobjectco`,
		paragraph: `p para simpara ab bridgehead subtitle attrib attribution v l speaker speech verse-line
			refname refpurpose permissions-statement hr figcaption`,
		section: `sec section sect1 sect2 sect3 sect4 sect5 simplesect chapter part appendix preface book
			refentry refsect1 refsect2 refsect3 refsection reference dedication colophon partintro ack app abstract
			trans-abstract bio topic concept task div1 div2 div3 div4 glossdiv notes sub-article response
			acknowledgements`,
		titled: `fig figure informalfigure table-wrap boxed-text sidebar note tip warning caution important example
			informalexample formalpara supplementary-material statement-box fig-group chem-struct-wrap equation
			informalequation media-wrap`,
		heading:  `title head`,
		levelled: `h1 h2 h3 h4 h5 h6`,
		bullets:  `list itemizedlist simplelist ul listPerson segmentedlist`,
		numbers:  `orderedlist ol procedure substeps`,
		terms:    `def-list variablelist dl glosslist`,
		item:     `list-item listitem li item member def-item varlistentry glossentry callout step`,
		grid:     `table informaltable tgroup array`,
		verbatim: `programlisting screen literallayout synopsis cmdsynopsis funcsynopsis code-block preformat pre
			codeblock eg programlistingco screenco`,
		formula:    `disp-formula`,
		references: `ref-list bibliography listBibl`,
		note:       `footnote fn`,
		dropped: `article-meta journal-meta front-stub processing-meta teiHeader info articleinfo bookinfo chapterinfo
			sectioninfo sect1info sect2info sect3info refentryinfo refsect1info docinfo prefaceinfo appendixinfo partinfo
			setinfo refmeta graphic inline-graphic media imageobject imagedata indexterm index toc lot object-id alt-text
			long-desc permissions script style contrib-id xref-group binary description anchor beginpage remark
			titleabbrev prolog revhistory legalnotice colspec spanspec col colgroup pb milestone fw head-meta link-meta
			custom-meta-group counts history self-uri related-article related-object copyright-statement nav stylesheet aside-meta
			annotation-xml institution-id nlm-meta ali_free metadata`,
	} {
		for name := range strings.FieldsSeq(names) {
			all[name] = r
		}
	}
	return all
}
