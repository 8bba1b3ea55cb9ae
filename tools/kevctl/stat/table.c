// SPDX-License-Identifier: GPL-2.0
/* Tables as text. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

static char *skip_blanks(char *text)
{
	return text + strspn(text, " \t");
}

/* At most @most cells, the last of which takes the rest; returns how many. */
static unsigned int cut(char *line, char **cells, unsigned int most)
{
	unsigned int nr = 0;

	for (line = skip_blanks(line); *line && nr < most; line = skip_blanks(line)) {
		cells[nr++] = line;
		if (nr == most)
			break;
		line += strcspn(line, " \t");
		if (*line)
			*line++ = '\0';
	}
	return nr;
}

int table_read(char *text, table_reader *reader, void *owner)
{
	struct table_row row;
	char *line, *end;
	unsigned int nr;
	bool is_empty;
	int error = 0;

	line = strsep(&text, "\n");
	row.nr = line ? cut(line, row.names, TABLE_COLUMNS) : 0;
	if (!row.nr || row.nr == TABLE_COLUMNS)
		return -EBADMSG;
	while (!error && (line = strsep(&text, "\n"))) {
		if (!*line)
			continue;
		end = line + strlen(line);
		/* The last one is a name that a process gives itself: it may be empty. */
		is_empty = end[-1] == ' ';
		nr = cut(line, row.cells, row.nr);
		if (nr == row.nr - 1 && is_empty)
			row.cells[nr++] = end;
		if (nr != row.nr)
			return -EBADMSG;
		error = reader(owner, &row);
	}
	return error;
}

const char *table_cell(const struct table_row *row, const char *name)
{
	for (unsigned int i = 0; i < row->nr; i++)
		if (!strcmp(row->names[i], name))
			return row->cells[i];
	return NULL;
}

bool table_parse(const char *text, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return !errno && !*end;
}

uint64_t table_number(const struct table_row *row, const char *name)
{
	const char *cell = table_cell(row, name);
	uint64_t value;

	return cell && table_parse(cell, &value) ? value : 0;
}
