package main

// oneApprovesText says that four eyes are off, as every page does (R8.5).
const oneApprovesText = "Four eyes are off (company.four_eyes): one person may approve what he entered himself."

// oneApproves says so below what a page shows, where the settings let one person
// approve alone. A text that is sent as it is, to a partner for one, is no page.
func (p *page) oneApproves() {
	if !p.app.oneApproves || p.isLetter {
		return
	}
	if p.begun && !p.apart {
		p.write("\n")
	}
	p.sentence("%s", p.app.paint(p.w, yellow, oneApprovesText))
}
