/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tables as text: names of columns in the first line, blanks between the cells, and the last
 * column takes the rest of its line. Readers look columns up by name: there may be more.
 */
#ifndef KEVCTL_TABLE_H
#define KEVCTL_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#define TABLE_COLUMNS	64

/* One line; @names and @cells have @nr items. */
struct table_row {
	char *names[TABLE_COLUMNS];
	char *cells[TABLE_COLUMNS];
	unsigned int nr;
};

/* Returns 0, or a negative errno that ends the reading. */
typedef int table_reader(void *owner, const struct table_row *row);

/**
 * table_read() - go through a table's lines
 * @text: the table, which is cut up
 * @reader: called for each line but the first
 * @owner: its argument
 *
 * Return: 0; -EBADMSG this is no table; what @reader has returned.
 */
int table_read(char *text, table_reader *reader, void *owner);

/* table_cell() - the cell of a column, NULL where there is no such column */
const char *table_cell(const struct table_row *row, const char *name);

/* table_number() - the number in a cell; 0 where there is none */
uint64_t table_number(const struct table_row *row, const char *name);

/* table_parse() - is a text a number, and nothing else */
bool table_parse(const char *text, uint64_t *value);

#endif /* KEVCTL_TABLE_H */
